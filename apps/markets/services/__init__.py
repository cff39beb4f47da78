"""Every write to prices, documents and market access."""
