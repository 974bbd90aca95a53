"""A real-time e-commerce analytics platform that runs whole on a laptop and proves that its numbers are right."""
