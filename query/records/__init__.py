"""What is stored under an id, and under all ids that match?"""
