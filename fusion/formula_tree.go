package fusion

// ExprKind says what stands at a node of a formula.
type ExprKind uint8

// The kinds. The operators have two arguments, but for Negate with one.
const (
	NumberExpr   = ExprKind(formNumber)   // Number
	DurationExpr = ExprKind(formDuration) // Number, in seconds
	TextExpr     = ExprKind(formText)     // Text, in quotes
	NameExpr     = ExprKind(formName)     // Text: a list, a mark, or age
	CallExpr     = ExprKind(formCall)     // Text is the function
	AddExpr      = ExprKind(formAdd)
	SubtractExpr = ExprKind(formSubtract)
	MultiplyExpr = ExprKind(formMultiply)
	DivideExpr   = ExprKind(formDivide)
	NegateExpr   = ExprKind(formNegate)
)

// Expr is a node of a formula, for programs that compute it elsewhere, such as
// retriever/qdrant/formula, which lets the server do it. It is read-only and safe
// for concurrent use; Formula.Expr returns the root.
type Expr struct{ node *expr }

// Kind says what the node is.
func (e Expr) Kind() ExprKind { return ExprKind(e.node.form) }

// Number is that of a NumberExpr, and the seconds of a DurationExpr.
func (e Expr) Number() float64 { return e.node.num }

// Text is the name of a list or function, or a quoted text without its quotes.
func (e Expr) Text() string { return e.node.text }

// Args are the arguments of a function or the sides of an operator, in their order.
func (e Expr) Args() []Expr {
	args := make([]Expr, len(e.node.args))
	for i, a := range e.node.args {
		args[i] = Expr{a}
	}
	return args
}

// String writes the node as ParseFormula reads it.
func (e Expr) String() string { return e.node.String() }
