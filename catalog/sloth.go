package catalog

func (l *loader) readSloth(place) {}
