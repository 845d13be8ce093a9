"""The metrics: their names, the code that reads them, the alerts that they raise, and the services that get them."""
