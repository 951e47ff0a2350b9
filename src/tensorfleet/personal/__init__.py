"""What is known of people, sealed with a key for each of them: who is to be forgotten loses the key, wherever the texts are."""
