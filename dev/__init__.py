"""What only this repository needs: the local stack and the exchange simulator."""
