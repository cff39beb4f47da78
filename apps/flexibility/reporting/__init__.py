"""What a month at a site came to, and what it would have come to: pure rules and the document."""
