"""The worlds behind the interfaces of Gymnasium and PettingZoo."""
