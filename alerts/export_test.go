package alerts

// CanHold tells that the alert can fire in a story.
func CanHold(a Alert) bool { return kindOf(a).holds != nil }
