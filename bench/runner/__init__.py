"""Testing the machine and the lab's own instruments before anything is measured with them."""
