"""A stand-in for CitrineOS v1.8.3: its REST API, its tables behind Hasura, its exchange.

Shapes are those read in its source and seen on its wire in 2026 (docs/integrations/citrineos.md);
nothing of its behaviour towards stations is here: a test says what stations send.
`python -m tests.contracts.citrineos_fake --amqp amqp://...` runs it alone.
"""

from tests.contracts.citrineos_fake.server import CitrineFake, Row, citrine

__all__ = ["CitrineFake", "Row", "citrine"]
