"""The worlds as Gymnasium's and PettingZoo's libraries know them."""
