"""How does the server listen, who may send requests, and how large may they be?"""
