"""What happens in the background, so that segments stay few and memory bounded?"""
