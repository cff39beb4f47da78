from apps.tenants.models.operator import Domain, Operator

__all__ = ["Domain", "Operator"]
