"""How each exchange answers, and the client that asks it through ccxt."""
