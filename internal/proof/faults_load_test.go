package proof_test

func loadFaults() []row { return nil }
