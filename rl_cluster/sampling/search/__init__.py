"""Search at decision time: candidate plans are played on copies of the worlds, and the best one's choice is flown."""
