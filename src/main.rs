//! tmp
fn main(){
  let a: Vec<String> = std::env::args().collect();
  let s = pos_upgrade_tui::engine::planning::Source::open(a[1].as_ref(), None).unwrap();
  let p = pos_upgrade_tui::engine::planning::make_plan(&s, a[2].as_ref()).unwrap();
  if a.len()>3 { println!("{}", serde_json::to_string_pretty(&p.plan).unwrap()); }
  eprintln!("{:?} {:?} {:?}", p.plan.install, p.plan.summary, s.version);
}
