//! How things look: one style per role, in four colour depths, and the glyphs for terminals without UTF-8.

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reverse, underline and dim only.
    Mono,
    /// The terminal's own sixteen.
    Sixteen,
    /// The 256-colour cube.
    Cube,
    /// 24 bits.
    Rgb,
}

/// What a piece of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Plain text.
    Text,
    /// Beside the point: borders' labels, line numbers, hints.
    Dim,
    /// Frames.
    Border,
    /// The heading of a pane, the install in the title.
    Title,
    /// The title line's background.
    Bar,
    /// A key in the footer.
    Key,
    /// What runs, what is chosen.
    Accent,
    /// Done.
    Good,
    /// Worth a look.
    Warn,
    /// Failed, or needs a person.
    Bad,
    /// The selected row.
    Selected,
    /// An added line.
    Added,
    /// A removed line.
    Removed,
    /// The words that were added within a changed line.
    AddedWord,
    /// The words that were removed within a changed line.
    RemovedWord,
    /// The user's side.
    Mine,
    /// The source's side.
    Theirs,
    /// The words of the user's side that the source's hasn't.
    MineWord,
    /// The words of the source's side that the user's hasn't.
    TheirsWord,
    /// The version both started from.
    Base,
    /// A side that was not chosen.
    Faded,
}

/// A colour depth and whether lines are drawn in ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// How many colours.
    pub depth: Depth,
    /// Draw frames and marks in ASCII.
    pub ascii: bool,
}

/// One colour in the three coloured depths.
#[derive(Clone, Copy)]
struct Ink(u32, u8, Color);

const PAPER: Ink = Ink(0x1b_1f_27, 234, Color::Reset);
const BAR: Ink = Ink(0x26_2c_37, 236, Color::Reset);
const TEXT: Ink = Ink(0xd5_da_e3, 253, Color::Reset);
const DIM: Ink = Ink(0x84_8e_a0, 245, Color::DarkGray);
const LINE: Ink = Ink(0x46_50_60, 240, Color::DarkGray);
const BLUE: Ink = Ink(0x7f_b4_e6, 110, Color::Cyan);
const GREEN: Ink = Ink(0x9c_cc_8f, 114, Color::Green);
const AMBER: Ink = Ink(0xe3_bf_78, 179, Color::Yellow);
const RED: Ink = Ink(0xe8_8a_8a, 174, Color::Red);
const VIOLET: Ink = Ink(0xc3_a6_e8, 183, Color::Magenta);
const CHOSEN: Ink = Ink(0x2f_3d_52, 238, Color::Reset);
const GREEN_WASH: Ink = Ink(0x22_30_2a, 22, Color::Reset);
const RED_WASH: Ink = Ink(0x38_26_2b, 52, Color::Reset);
const GREEN_MARK: Ink = Ink(0x33_57_3d, 28, Color::Reset);
const BLUE_WASH: Ink = Ink(0x2b_45_60, 24, Color::Reset);
const VIOLET_WASH: Ink = Ink(0x4a_39_61, 54, Color::Reset);
const RED_MARK: Ink = Ink(0x6b_36_3d, 88, Color::Reset);

impl Theme {
    /// What the environment asks for; `get` reads a variable. `NO_COLOR` and `TERM=dumb` mean no colours at all.
    pub fn detect(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|v| !v.is_empty());
        let term = set("TERM").unwrap_or_default();
        let depth = if set("NO_COLOR").is_some() || term == "dumb" || term.ends_with("-m") || term == "vt100" {
            Depth::Mono
        } else if set("COLORTERM").is_some_and(|v| v == "truecolor" || v == "24bit") || term.ends_with("-direct") {
            Depth::Rgb
        } else if term.contains("256color") {
            Depth::Cube
        } else {
            Depth::Sixteen
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let ascii = !(locale.contains("utf-8") || locale.contains("utf8"));
        Self { depth, ascii }
    }

    fn ink(self, ink: Ink) -> Option<Color> {
        match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => (ink.2 != Color::Reset).then_some(ink.2),
            Depth::Cube => Some(Color::Indexed(ink.1)),
            Depth::Rgb => Some(Color::from_u32(ink.0)),
        }
    }

    fn make(self, fg: Option<Ink>, bg: Option<Ink>, modifiers: Modifier) -> Style {
        let mut style = Style::new().add_modifier(modifiers);
        style.fg = fg.and_then(|i| self.ink(i));
        style.bg = bg.and_then(|i| self.ink(i));
        style
    }

    /// The whole screen, before anything is drawn on it.
    pub fn ground(self) -> Style {
        self.make(Some(TEXT), Some(PAPER), Modifier::empty())
    }

    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        let (none, bold) = (Modifier::empty(), Modifier::BOLD);
        let mono = self.depth == Depth::Mono;
        let plain = matches!(self.depth, Depth::Mono | Depth::Sixteen);
        let when = |yes: bool, modifier: Modifier| if yes { modifier } else { none };
        match role {
            Role::Text => self.make(Some(TEXT), None, none),
            Role::Dim => self.make(Some(DIM), None, when(mono, Modifier::DIM)),
            Role::Border => self.make(Some(LINE), None, when(mono, Modifier::DIM)),
            Role::Title => self.make(Some(TEXT), None, bold),
            Role::Bar => self.make(Some(TEXT), Some(BAR), when(plain, Modifier::REVERSED)),
            Role::Key => self.make(Some(BLUE), None, bold),
            Role::Accent => self.make(Some(BLUE), None, bold),
            Role::Good => self.make(Some(GREEN), None, none),
            Role::Warn => self.make(Some(AMBER), None, when(mono, bold)),
            Role::Bad => self.make(Some(RED), None, bold),
            Role::Selected => self.make(None, Some(CHOSEN), if plain { Modifier::REVERSED } else { bold }),
            Role::Added => self.make(Some(GREEN), Some(GREEN_WASH), none),
            Role::Removed => self.make(Some(RED), Some(RED_WASH), when(mono, Modifier::DIM)),
            Role::AddedWord => self.make(Some(TEXT), Some(GREEN_MARK), bold | when(plain, Modifier::UNDERLINED)),
            Role::RemovedWord => self.make(Some(TEXT), Some(RED_MARK), bold | when(plain, Modifier::UNDERLINED)),
            Role::Mine => self.make(Some(BLUE), None, none),
            Role::Theirs => self.make(Some(VIOLET), None, none),
            Role::MineWord => self.make(Some(TEXT), Some(BLUE_WASH), bold | when(plain, Modifier::UNDERLINED)),
            Role::TheirsWord => self.make(Some(TEXT), Some(VIOLET_WASH), bold | when(plain, Modifier::UNDERLINED)),
            Role::Base => self.make(Some(DIM), None, when(mono, Modifier::DIM)),
            Role::Faded => self.make(Some(LINE), None, Modifier::DIM),
        }
    }

    /// What stands for a glyph where the terminal has no UTF-8: always one ASCII character.
    pub fn stand_in(glyph: &str) -> &'static str {
        match glyph {
            "✔" => "v",
            "▸" | "→" => ">",
            "·" | "░" => ".",
            "…" | "⋯" => "~",
            "─" => "-",
            "│" | "▌" | "┃" => "|",
            "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" => "+",
            "█" => "#",
            "↑" => "^",
            "↓" => "v",
            "←" => "<",
            _ => "?",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 21] = [
        Role::Text,
        Role::Dim,
        Role::Border,
        Role::Title,
        Role::Bar,
        Role::Key,
        Role::Accent,
        Role::Good,
        Role::Warn,
        Role::Bad,
        Role::Selected,
        Role::Added,
        Role::Removed,
        Role::AddedWord,
        Role::RemovedWord,
        Role::Mine,
        Role::Theirs,
        Role::MineWord,
        Role::TheirsWord,
        Role::Base,
        Role::Faded,
    ];

    fn detect(vars: &[(&str, &str)]) -> Theme {
        Theme::detect(|name| vars.iter().find(|v| v.0 == name).map(|v| v.1.to_owned()))
    }

    #[test]
    fn mono_never_sets_a_colour_and_shows_the_selection() {
        let theme = detect(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")]);
        assert_eq!(theme, Theme { depth: Depth::Mono, ascii: false });
        for role in ROLES {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_eq!(theme.ground(), Style::new());
        assert_ne!(theme.style(Role::Selected).add_modifier, Modifier::empty());
    }

    #[test]
    fn depth_and_locale_come_from_the_environment() {
        assert_eq!(detect(&[("TERM", "dumb")]).depth, Depth::Mono);
        assert_eq!(detect(&[("TERM", "xterm-256color")]).depth, Depth::Cube);
        assert_eq!(detect(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]).depth, Depth::Rgb);
        assert_eq!(detect(&[("TERM", "xterm"), ("NO_COLOR", "")]).depth, Depth::Sixteen);
        assert!(detect(&[("LANG", "C")]).ascii);
        assert!(!detect(&[("LANG", "C"), ("LC_ALL", "de_DE.utf8")]).ascii);
    }
}
