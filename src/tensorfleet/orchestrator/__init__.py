"""The room that decides: takes reports and intents in, saves what follows from them, sends commands out."""
