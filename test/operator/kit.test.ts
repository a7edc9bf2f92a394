import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect } from 'chai';
import { ALARMS } from '../../src/monitor/alarms.ts';
import { createMetrics } from '../../src/operator/metrics.ts';
import { runHere } from '../support/commandHere.ts';

const KIT = 'docs/operating';
const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };
const read = (name: string): string => readFileSync(join(KIT, name), 'utf8');
const parsed = <T>(name: string): T => yaml.load(read(name)) as T;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const rules = parsed<{ groups: { rules: Rule[] }[] }>('prometheus/alerts.yml').groups.flatMap(
  (group) => group.rules,
);
const { panels } = JSON.parse(read('grafana/assay.json')) as { panels: Panel[] };
const expressions = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: title, expr }))),
];

/** Name and labels of each metric, with the names that a histogram's samples have. */
async function known(): Promise<Map<string, readonly string[]>> {
  const { registry } = createMetrics();
  const metrics = await registry.getMetricsAsJSON();
  return new Map(
    metrics.flatMap(({ name }) => {
      const { labelNames } = registry.getSingleMetric(name) as unknown as { labelNames: string[] };
      return ['', '_bucket', '_sum', '_count'].map((suffix) => [`${name}${suffix}`, labelNames] as const);
    }),
  );
}

describe('the kit for operators', () => {
  it('asks for metrics and labels that exist, and says something of every metric', async () => {
    const metrics = await known();
    let asked = 0;
    for (const { where, expr } of expressions) {
      for (const [, name = '', labels = ''] of expr.matchAll(
        /\b((?:assay|process|nodejs)_\w+)(?:\{([^}]*)\})?/g,
      )) {
        asked++;
        expect(metrics.has(name), `${where}: ${name}`).to.equal(true);
        for (const [, label] of labels.matchAll(/(\w+)=/g)) expect(metrics.get(name)).to.include(label);
      }
    }
    expect(asked).to.be.greaterThan(30);
    const guide = read('README.md');
    const assayMetrics = [...metrics.keys()].filter((name) => name.startsWith('assay_'));
    const documented = new Set([...guide.matchAll(/^\| `(assay_\w+)` \|/gm)].map((match) => match[1]));
    for (const name of documented) expect(assayMetrics).to.include(name);
    for (const name of assayMetrics.filter((one) => !/_(bucket|sum|count)$/.test(one)))
      expect(documented).to.include(name);
  });

  it('shows labels in legends that their metrics have', async () => {
    const metrics = await known();
    const added = ['instance', 'job'];
    for (const { targets } of panels) {
      for (const { expr, legendFormat } of targets) {
        const name = /\b((?:assay|process)_\w+)/.exec(expr)![1]!;
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect([...added, ...metrics.get(name)!], `${expr}: ${label}`).to.include(label);
        }
      }
    }
  });

  it('has a page of the runbook for every alarm, and no other page', () => {
    const pages = readdirSync(join(KIT, 'runbook')).filter((name) => name !== 'README.md');
    const own = rules.filter(({ alert }) => alert !== 'AssayMonitorAlarm');
    const named = [
      ...own.map(({ annotations }) => annotations.runbook),
      ...ALARMS.map((name) => `${KIT}/runbook/${name}.md`),
    ];
    expect(new Set(named)).to.deep.equal(new Set(pages.map((page) => `${KIT}/runbook/${page}`)));
    expect(rules.find(({ alert }) => alert === 'AssayMonitorAlarm')?.annotations.runbook).to.equal(
      `${KIT}/runbook/{{ $labels.alarm }}.md`,
    );
    const index = read('runbook/README.md');
    for (const page of pages) {
      const text = read(`runbook/${page}`);
      expect(text, page).to.match(/^# .+\n\n[\s\S]+\n## Look at\n\n- [\s\S]+\n## Do\n\n1\. /);
      expect(index).to.contain(`](${page})`);
    }
    for (const { alert, labels } of rules) {
      expect(alert).to.match(/^Assay[A-Z]/);
      expect(labels.severity).to.be.oneOf(['warning', 'critical']);
    }
  });

  it('mounts files that exist or its comments ask for, and sets real settings', async () => {
    const { services } = parsed<{ services: Record<string, { volumes: string[]; environment?: object }> }>(
      'compose.yaml',
    );
    expect(Object.keys(services)).to.deep.equal(['watcher', 'monitor', 'prometheus', 'grafana']);
    const compose = read('compose.yaml');
    const brought = [...compose.matchAll(/^# {3}(\S+?)\/? {2,}/gm)].map((match) => match[1]!);
    for (const { volumes } of Object.values(services)) {
      for (const [file = ''] of volumes
        .map((volume) => volume.split(':'))
        .filter(([from]) => from?.startsWith('./'))) {
        expect(existsSync(join(KIT, file)) || brought.includes(file.slice(2)), file).to.equal(true);
      }
    }
    const names = ['compose.yaml', 'systemd/assay-watch.service', 'Dockerfile'];
    const variables = names.flatMap((name) =>
      [...read(name).matchAll(/\bASSAY_[A-Z_]+/g)].map(([one]) => one),
    );
    expect(variables).to.have.length.above(10);
    const help = (await Promise.all(['watch', 'monitor'].map((name) => runHere(name, '--help'))))
      .map(({ out }) => out)
      .join();
    for (const variable of new Set(variables)) {
      const flag = `--${variable.slice('ASSAY_'.length).toLowerCase().replaceAll('_', '-')}`;
      const isKnown = variable === 'ASSAY_DEPLOYMENTS' || help.includes(`${flag} `);
      expect(isKnown, variable).to.equal(true);
    }
    expect(parsed('prometheus/prometheus.yml')).to.deep.include({ rule_files: ['alerts.yml'] });
  });

  it('has an image whose paths, commands and ports exist', async () => {
    const dockerfile = read('Dockerfile');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from]) =>
      from!.split(' '),
    );
    expect(copied).to.deep.equal(['package.json', 'package-lock.json', '.']);
    for (const path of copied) expect(existsSync(path), path).to.equal(true);
    const { bin, name, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(scripts.prepack, 'what `npm pack` runs').to.equal('npm run build');
    expect(dockerfile).to.contain(`COPY --from=build /tmp/${name}-*.tgz`);
    const [, entry] = /^ENTRYPOINT \["(\w+)"\]$/m.exec(dockerfile)!;
    expect(Object.keys(bin)).to.include(entry);
    const [, command] = /^CMD \["(\w+)"\]$/m.exec(dockerfile)!;
    const { services } = parsed<{ services: Record<string, { command?: string[] }> }>('compose.yaml');
    const commands = [command!, ...Object.values(services).flatMap((one) => one.command?.[0] ?? [])];
    const { out } = await runHere('--help');
    for (const one of commands) expect(out).to.match(new RegExp(`^  ${one} `, 'm'));
    const [, port] = /ASSAY_METRICS_PORT=(\d+)/.exec(dockerfile)!;
    expect(dockerfile).to.contain(`EXPOSE ${port}`).and.contain(`127.0.0.1:${port}/healthz`);
    // What is left out of the image must not be needed to build it.
    for (const line of read('Dockerfile.dockerignore').trim().split('\n'))
      expect(line).to.match(/^(\.git|build|dist|node_modules|\*\*\/\S+)$/);
  });

  it('has an example of settings that every command takes', async () => {
    for (const command of ['watch', 'provide', 'monitor']) {
      const { code, out, err } = await runHere('config', command, '--config', `${KIT}/assay.example.toml`);
      expect([code, err]).to.deep.equal([0, '']);
      expect(out).to.contain('digits.onnx');
    }
  });

  it('has a unit that systemd takes', function () {
    const unit = join(KIT, 'systemd/assay-watch.service');
    const { error, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
      encoding: 'utf8',
    });
    if (error) this.skip();
    // Only that the command is not installed here.
    expect(
      stderr.split('\n').filter((line) => line !== '' && !line.includes('is not executable')),
    ).to.deep.equal([]);
  });

  it('names in its pages only flags that some command has', async () => {
    const names = ['watch', 'provide', 'monitor', 'verify', 'doctor', 'config', 'fetch'];
    const help = (await Promise.all(names.map((name) => runHere(name, '--help'))))
      .map(({ out }) => out)
      .join();
    const pages = ['README.md', ...readdirSync(join(KIT, 'runbook')).map((name) => `runbook/${name}`)];
    for (const page of pages) {
      for (const [flag] of read(page).matchAll(/(?<![\w-])--[a-z][a-z-]+/g)) {
        expect(help.includes(flag), `${page}: ${flag}`).to.equal(true);
      }
    }
  });
});
