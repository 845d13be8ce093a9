"""What one head serves: training by address, jobs, and doctor."""
