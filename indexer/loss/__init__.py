"""What has a store lost, and does its operator know it?"""
