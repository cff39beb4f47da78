"""How the price of an island is formed; pure rules without database, clock or network."""
