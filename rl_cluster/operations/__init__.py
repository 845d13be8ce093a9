"""The work of operators: send runs to a cluster, stop them, and find out what is wrong before they start."""
