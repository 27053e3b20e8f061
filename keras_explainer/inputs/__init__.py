"""What users hand over, checked, in every form: images, labels, targets."""
