"""Two roaming partners of each island: a mobility provider and a charge point operator.

They speak OCPI 2.2.1 over HTTP by themselves and know nothing of the product but its address and
the invitation that it gave them.
"""
