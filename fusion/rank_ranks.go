package fusion

// Ranks says which rank documents of equal score in one list get. The zero value
// numbers them in list order.
type Ranks uint8

// The conventions, for scores 9 7 7 5.
const (
	// RanksOrdinal gives 1 2 3 4.
	RanksOrdinal Ranks = iota
	// RanksDense gives 1 2 2 3.
	RanksDense
	// RanksMin gives 1 2 2 4: one more than the documents with a higher score.
	RanksMin
	// RanksAverage gives 1 2.5 2.5 4.
	RanksAverage
)

var ranksNames = []string{"ordinal", "dense", "min", "average"}

// String returns the convention's name in specifications.
func (r Ranks) String() string { return enumName(ranksNames, int(r)) }

// UnmarshalText sets the convention by name.
func (r *Ranks) UnmarshalText(text []byte) error { return enumParse(r, ranksNames, text) }

// fill writes the rank of each entry to dst. Scores that rise along the list are
// taken as they stand: only neighbours are compared.
func (r Ranks) fill(dst, scores []float64) {
	dense := 0.0
	for i := 0; i < len(scores); {
		j := i + 1
		for j < len(scores) && scores[j] == scores[i] {
			j++
		}
		dense++
		for k := i; k < j; k++ {
			switch r {
			case RanksDense:
				dst[k] = dense
			case RanksMin:
				dst[k] = float64(i + 1)
			case RanksAverage:
				dst[k] = float64(i+1+j) / 2
			default:
				dst[k] = float64(k + 1)
			}
		}
		i = j
	}
}

// rankTable is what a rank method gives to the ranks 1, 2, 3 ..., kept between
// calls with the same method and parameter.
type rankTable struct {
	kind  tableKind
	param float64
	table []float64 // index r-1
}

// tableKind names a function of the rank alone; noTable is for methods that
// depend on more.
type tableKind uint8

const (
	noTable tableKind = iota
	reciprocalTable
	squareTable
	powerTable
	ranxPowerTable
)

func (t *rankTable) upTo(kind tableKind, param float64, n int, value func(param, rank float64) float64) []float64 {
	if t.kind != kind || t.param != param {
		t.kind, t.param, t.table = kind, param, t.table[:0]
	}
	for r := len(t.table) + 1; r <= n; r++ {
		t.table = append(t.table, value(param, float64(r)))
	}
	return t.table[:n:n]
}
