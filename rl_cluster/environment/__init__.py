"""The worlds: scenarios, flight, delivery, what is seen and rewarded, outcomes, heuristics."""
