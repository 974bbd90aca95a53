"""The stream: a long run that keeps it alive, and the sensor that makes the runs agree with the intent."""
