"""The supervisor behind ./run. Standard library only: it runs before anything is installed."""
