from apps.console.services.demo_seed import SeedReport, demo_seed

__all__ = ["SeedReport", "demo_seed"]
