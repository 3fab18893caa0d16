// Carries the precompiled headers of the tests of this room.
