"""The programs of others that Python starts: a Java and the locked jars, and what this machine lacks for them."""
