"""Every write to series, feeds and what is computed from them."""
