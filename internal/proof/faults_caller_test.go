package proof_test

func callerFaults() []row { return nil }
