/** Speed measures how fast bytes go, over the last ten seconds. */
export class Speed {
  private samples: [ms: number, bytes: number][] = [];

  constructor(private readonly span = 10_000) {}

  /** sent tells that so many bytes went at a time. */
  sent(bytes: number, now: number): void {
    this.samples.push([now, bytes]);
    this.trim(now);
  }

  /** rate is in bytes per second; 0 while nothing is known. */
  rate(now: number): number {
    this.trim(now);
    const [first] = this.samples;
    if (!first || now - first[0] < 500) return 0;
    return (this.samples.reduce((n, [, b]) => n + b, 0) / (now - first[0])) * 1000;
  }

  private trim(now: number) {
    while (this.samples[0] && this.samples[0][0] < now - this.span) this.samples.shift();
  }
}
