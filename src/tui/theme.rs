//! How things look: one style per role, in four colour depths, and the glyphs for terminals without UTF-8.

use ratatui::style::{Color, Modifier, Style};

use crate::core::settings::{Look, Scheme};

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

/// A colour depth, what the background is, and whether lines are drawn in ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// How many colours.
    pub depth: Depth,
    /// For a light background.
    pub light: bool,
    /// Draw frames and marks in ASCII.
    pub ascii: bool,
}

/// One colour in the three coloured depths.
#[derive(Clone, Copy)]
struct Ink(u32, u8, Color);

/// The same piece on a dark background and on a light one.
#[derive(Clone, Copy)]
struct Pair {
    dark: Ink,
    light: Ink,
}

const fn pair(dark: Ink, light: Ink) -> Pair {
    Pair { dark, light }
}

const PAPER: Pair = pair(Ink(0x1b_1f_27, 234, Color::Reset), Ink(0xfb_fa_f7, 231, Color::Reset));
const BAR: Pair = pair(Ink(0x26_2c_37, 236, Color::Reset), Ink(0xe6_e4_dd, 254, Color::Reset));
const TEXT: Pair = pair(Ink(0xd5_da_e3, 253, Color::Reset), Ink(0x2a_2e_35, 235, Color::Reset));
const DIM: Pair = pair(Ink(0x84_8e_a0, 245, Color::DarkGray), Ink(0x63_6b_78, 242, Color::DarkGray));
const LINE: Pair = pair(Ink(0x46_50_60, 240, Color::DarkGray), Ink(0xb2_b6_bd, 249, Color::Gray));
const FADED: Pair = pair(Ink(0x6b_75_86, 243, Color::DarkGray), Ink(0x83_8a_95, 244, Color::DarkGray));
const BLUE: Pair = pair(Ink(0x7f_b4_e6, 110, Color::Cyan), Ink(0x1a_5f_a8, 25, Color::Blue));
const GREEN: Pair = pair(Ink(0x9c_cc_8f, 114, Color::Green), Ink(0x2c_6e_2f, 22, Color::Green));
const AMBER: Pair = pair(Ink(0xe3_bf_78, 179, Color::Yellow), Ink(0x8a_5a_00, 94, Color::Yellow));
const RED: Pair = pair(Ink(0xe8_8a_8a, 174, Color::Red), Ink(0xb0_2a_30, 124, Color::Red));
const VIOLET: Pair = pair(Ink(0xc3_a6_e8, 183, Color::Magenta), Ink(0x75_3c_b3, 91, Color::Magenta));
const CHOSEN: Pair = pair(Ink(0x2f_3d_52, 238, Color::Reset), Ink(0xcf_de_f0, 153, Color::Reset));
const GREEN_WASH: Pair = pair(Ink(0x22_30_2a, 235, Color::Reset), Ink(0xe6_f3_e3, 194, Color::Reset));
const RED_WASH: Pair = pair(Ink(0x38_26_2b, 52, Color::Reset), Ink(0xfb_e8_e6, 224, Color::Reset));
const GREEN_MARK: Pair = pair(Ink(0x33_57_3d, 22, Color::Reset), Ink(0xb9_e0_b3, 157, Color::Reset));
const BLUE_WASH: Pair = pair(Ink(0x2b_45_60, 24, Color::Reset), Ink(0xc6_dc_f3, 153, Color::Reset));
const VIOLET_WASH: Pair = pair(Ink(0x4a_39_61, 54, Color::Reset), Ink(0xe0_d2_f3, 183, Color::Reset));
const RED_MARK: Pair = pair(Ink(0x6b_36_3d, 88, Color::Reset), Ink(0xf3_bd_ba, 217, Color::Reset));

impl Theme {
    /// What the person and the environment ask for; `get` reads a variable. `NO_COLOR` and `TERM=dumb` mean no colours
    /// at all. `COLORFGBG` ends with the number of the background's colour; terminals that don't set it count as dark.
    pub(crate) fn detect(look: Look, get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|v| !v.is_empty());
        let term = set("TERM").unwrap_or_default();
        let mono = look.theme == Scheme::Mono || set("NO_COLOR").is_some();
        let depth = if mono || term == "dumb" || term.ends_with("-m") || term == "vt100" {
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
        let ascii = look.ascii || !(locale.contains("utf-8") || locale.contains("utf8"));
        let background = || set("COLORFGBG")?.rsplit(';').next()?.parse::<u8>().ok();
        let light = match look.theme {
            Scheme::Auto => matches!(background(), Some(7 | 9..=15)),
            scheme => scheme == Scheme::Light,
        };
        Self { depth, light, ascii }
    }

    fn ink(self, pair: Pair) -> Option<Color> {
        let ink = if self.light { pair.light } else { pair.dark };
        match self.depth {
            Depth::Mono => None,
            Depth::Sixteen => (ink.2 != Color::Reset).then_some(ink.2),
            Depth::Cube => Some(Color::Indexed(ink.1)),
            Depth::Rgb => Some(Color::from_u32(ink.0)),
        }
    }

    fn make(self, fg: Option<Pair>, bg: Option<Pair>, modifiers: Modifier) -> Style {
        let mut style = Style::new().add_modifier(modifiers);
        style.fg = fg.and_then(|i| self.ink(i));
        style.bg = bg.and_then(|i| self.ink(i));
        style
    }

    /// The whole screen, before anything is drawn on it.
    pub(crate) fn ground(self) -> Style {
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
            Role::Faded => self.make(Some(FADED), None, when(plain, Modifier::DIM)),
        }
    }

    /// What stands for a glyph where the terminal has no UTF-8: always one ASCII character.
    pub(crate) fn stand_in(glyph: &str) -> &'static str {
        match glyph {
            "✔" => "v",
            "▸" | "→" => ">",
            "·" | "░" => ".",
            "…" | "⋯" => "~",
            "─" => "-",
            "│" | "▌" | "┃" => "|",
            "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┬" | "┴" => "+",
            "█" | "■" => "#",
            "▪" => "*",
            "●" => "!",
            "▏" => "_",
            "↑" => "^",
            "↓" => "v",
            "←" | "‹" => "<",
            "›" => ">",
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
        Theme::detect(Look::default(), |name| vars.iter().find(|v| v.0 == name).map(|v| v.1.to_owned()))
    }

    #[test]
    fn mono_never_sets_a_colour_and_shows_the_selection() {
        let theme = detect(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")]);
        assert_eq!(theme, Theme { depth: Depth::Mono, light: false, ascii: false });
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

    #[test]
    fn the_background_is_what_the_person_says_or_else_the_terminal() {
        let light = |theme, background: &str| {
            let get = |name: &str| (name == "COLORFGBG").then(|| background.to_owned());
            Theme::detect(Look { theme, ..Look::default() }, get).light
        };
        for (background, is_light) in
            [("0;15", true), ("15;0", false), ("0;default;7", true), ("", false), ("x", false)]
        {
            assert_eq!(light(Scheme::Auto, background), is_light, "{background}");
            assert!(light(Scheme::Light, background) && !light(Scheme::Dark, background));
        }
        let look = Look { theme: Scheme::Mono, ascii: true, ..Look::default() };
        assert_eq!(
            Theme::detect(look, |name| Some(if name == "LANG" { "C.UTF-8" } else { "truecolor" }.to_owned())),
            Theme { depth: Depth::Mono, light: false, ascii: true }
        );
    }

    /// Lightness as it is seen, 0 to 1 (the formula of WCAG 2).
    fn luminance(color: Color) -> f64 {
        let value = match color {
            Color::Rgb(r, g, b) => [r, g, b],
            Color::Indexed(i @ 16..232) => {
                let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
                [step((i - 16) / 36), step((i - 16) / 6 % 6), step((i - 16) % 6)]
            }
            Color::Indexed(i @ 232..) => [8 + 10 * (i - 232); 3],
            other => panic!("{other:?}"),
        };
        let part = |n: u8| {
            let n = f64::from(n) / 255.0;
            if n <= 0.03928 { n / 12.92 } else { ((n + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(value[0]) + 0.7152 * part(value[1]) + 0.0722 * part(value[2])
    }

    #[test]
    fn every_text_can_be_read_on_its_background() {
        for (depth, light) in [(Depth::Rgb, false), (Depth::Rgb, true), (Depth::Cube, false), (Depth::Cube, true)] {
            let theme = Theme { depth, light, ascii: false };
            for role in ROLES {
                let style = theme.ground().patch(theme.style(role));
                let (Some(fg), Some(bg)) = (style.fg, style.bg) else { panic!("{role:?}") };
                let (a, b) = (luminance(fg), luminance(bg));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                // Frames and what was not chosen stay in the background on purpose.
                let least = match role {
                    Role::Border => 1.5,
                    Role::Faded => 3.0,
                    _ => 4.5,
                };
                assert!(contrast >= least, "{role:?} {depth:?} light {light}: {contrast:.1}");
            }
        }
    }
}
