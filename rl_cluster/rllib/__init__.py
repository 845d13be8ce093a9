"""The ring: Ray and RLlib run what the core says. No formula of the world, the model or the losses may live here."""
