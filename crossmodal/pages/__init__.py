"""Pages of printed music: reading them from files, finding their systems, and straightening a system into strips."""
