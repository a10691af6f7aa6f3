package root

// Brake is the part of config.toml that says how much may vanish from a folder on
// this device before that is held. The zero Brake stands for the default.
type Brake struct {
	Enabled bool    `toml:"enabled"`
	Files   int     `toml:"files"` // more than so many files
	Share   float64 `toml:"share"` // and more than this part of the folder, 0 to 1
}

// maxBrakeFiles bounds [Brake].Files.
const maxBrakeFiles = 1_000_000_000

func defaultBrake() Brake { return Brake{Enabled: true, Files: 50, Share: 1.0 / 3} }

func (b Brake) normalised() (Brake, error) {
	switch {
	case b == Brake{}:
		return defaultBrake(), nil
	case b.Files < 0 || b.Files > maxBrakeFiles:
		return b, bad("Give a number such as 50.", "brake: files %d is not between 0 and %d", b.Files, maxBrakeFiles)
	case !(b.Share >= 0 && b.Share <= 1): // NaN is neither
		return b, bad("Give a part such as 0.33.", "brake: share %v is not between 0 and 1", b.Share)
	}
	return b, nil
}
