"""How long, how wide and how open the pages are: python .ci/pages.py [PAGES ...] [--check]

A line is a line of code that is not empty and no directive. Checks are calls of `test_...` and `expect_fail`, and `assert`;
those of nbs/tests/NAME.ipynb count for the page NAME. A picture counts where its cell ends, in visible lines from the top."""
import json, re, statistics, sys
from pathlib import Path

LIMITS = dict(median=10, cell=40, width=140, hidden=8, hidden_cell=15, picture=60, checks=20, room=400)
CHECK = re.compile(r'\btest_\w+\(|\bassert\b|\bexpect_fail\(')

def code(c): return ''.join(c['source'])
def has(c, directive): return bool(re.search(rf'^#\|\s*{directive}', code(c), re.M))
def lines(c): return [l for l in code(c).splitlines() if l.strip() and not l.startswith('#|')]
def checks(cells): return sum(len(CHECK.findall('\n'.join(lines(c)))) for c in cells)
def cells(path): return [c for c in json.loads(path.read_text(encoding='utf8'))['cells'] if c['cell_type']=='code']
def draws(c): return any('image/' in k for o in c.get('outputs', []) for k in o.get('data', {}))

def first_picture(visible):
    "Visible lines down to the first picture, or `None`."
    n = 0
    for c in visible:
        n += len(lines(c))
        if draws(c): return n

def page(path):
    "The figures of one page."
    all_ = cells(path)
    tests = path.parent/'tests'/path.name
    exported = [c for c in all_ if has(c, 'export')]
    hidden = [c for c in all_ if has(c, r'hide\b')]
    visible = [c for c in all_ if not has(c, r'hide\b')]
    n = [len(lines(c)) for c in exported]
    code_lines = [l for c in exported for l in lines(c)]
    return dict(page=path.stem, room=sum(n), sizes=n, longest=max(n, default=0), widths=[len(l) for l in code_lines],
        lines=sum(len(lines(c)) for c in all_), hidden=sum(len(lines(c)) for c in hidden),
        longest_hidden=max((len(code(c).split('\n')) for c in hidden), default=0), picture=first_picture(visible), checks=checks(all_)+(checks(cells(tests)) if tests.exists() else 0))

def share(a, b): return 100*a/max(b, 1)

def show(ps):
    print(f"{'page':18}{'lines':>6}{'median':>7}{'longest':>8}{'>120':>6}{'>140':>6}{'hidden %':>9}{'picture':>8}{'checks/100':>11}")
    for p in ps:
        wide = [sum(w>k for w in p['widths']) for k in (120,140)]
        print(f"{p['page']:18}{p['room']:6}{statistics.median(p['sizes'] or [0]):7.0f}{p['longest']:8}{wide[0]:6}{wide[1]:6}"
              f"{share(p['hidden'], p['lines']):9.1f}{p['picture'] or '-':>8}{share(p['checks'], p['room']):11.1f}")
    sizes = [n for p in ps for n in p['sizes']]
    room,widths = sum(p['room'] for p in ps),[w for p in ps for w in p['widths']]
    print(f"{len(sizes)} exported cells, {room} lines, median {statistics.median(sizes)}, {sum(n>30 for n in sizes)} above 30, {sum(n>40 for n in sizes)} above 40; "
          f"{sum(w>140 for w in widths)} lines above 140; hidden {share(sum(p['hidden'] for p in ps), sum(p['lines'] for p in ps)):.1f} %; "
          f"{share(sum(p['checks'] for p in ps), room):.1f} checks for 100 exported lines")

def faults(ps):
    "What is above the limits."
    sizes = [n for p in ps for n in p['sizes']]
    if statistics.median(sizes)>LIMITS['median']: yield f"the median exported cell has {statistics.median(sizes)} lines"
    for p in ps:
        if p['longest']>LIMITS['cell']: yield f"{p['page']}: a cell of {p['longest']} lines"
        if p['longest_hidden']>LIMITS['hidden_cell']: yield f"{p['page']}: a hidden cell of {p['longest_hidden']} lines; long ones belong into nbs/tests"
        if max(p['widths'], default=0)>LIMITS['width']: yield f"{p['page']}: a line of {max(p['widths'])} characters"
        if p['room']>LIMITS['room']: yield f"{p['page']}: {p['room']} exported lines"
        if (p['picture'] or 0)>LIMITS['picture']: yield f"{p['page']}: the first picture after {p['picture']} lines"
    if share(sum(p['hidden'] for p in ps), sum(p['lines'] for p in ps))>LIMITS['hidden']: yield 'too much code is hidden'
    if share(sum(p['checks'] for p in ps), sum(p['room'] for p in ps))<LIMITS['checks']: yield 'too few checks'

if __name__=='__main__':
    names = [a for a in sys.argv[1:] if a!='--check']
    ps = [page(Path(n)) for n in names or sorted(Path('nbs').glob('[0-9]*.ipynb'))]
    show(ps)
    bad = [*faults(ps)] if '--check' in sys.argv else []
    for b in bad: print('FAILED:', b)
    sys.exit(bool(bad))
