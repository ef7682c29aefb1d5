package proof_test

func dataFaults() []row { return nil }
