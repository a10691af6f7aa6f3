package term

import "charm.land/lipgloss/v2"

// The sixteen colours of the terminal suit its owner's theme, whatever it is.
var (
	styleGood   = lipgloss.NewStyle().Foreground(lipgloss.Green).Bold(true)
	styleWarn   = lipgloss.NewStyle().Foreground(lipgloss.Yellow).Bold(true)
	styleBad    = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	styleFaint  = lipgloss.NewStyle().Faint(true)
	styleStrong = lipgloss.NewStyle().Bold(true)
	styleCode   = lipgloss.NewStyle().Foreground(lipgloss.Cyan).Bold(true)
)

// Strong marks the word of a line that matters.
func Strong(s string) string { return styleStrong.Render(s) }

// Faint marks what can be read over.
func Faint(s string) string { return styleFaint.Render(s) }

// Command marks what is to be typed.
func Command(s string) string { return styleCode.Render(s) }
