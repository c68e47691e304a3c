interface Performance {
  readonly timeOrigin: number;
  now(): number;
  toJSON(): { timeOrigin: number };
}
declare var Performance: { prototype: Performance };
declare var performance: Performance;

interface Navigator {
  readonly userAgent: "isolet";
}
declare var Navigator: { prototype: Navigator };
declare var navigator: Navigator;
