"""The border to Mesos: driver, master detection, and JSON made into the model's records and back."""
