"""How each exchange behaves, and the client that talks to it through ccxt."""
