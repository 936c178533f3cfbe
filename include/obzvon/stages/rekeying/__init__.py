"""What a rotation of the phone keys says to the warehouse."""
