"""Check what the documentation is made of: python .ci/docs.py FOLDER_OF_PROCESSED_NOTEBOOKS [--html FOLDER]

`nbdev-proc-nbs` makes the folder `_proc`. Each page must stand in nbs/sidebar.yml, links between pages and to pictures must lead somewhere,
and each public name must have its entry. With --html the pages are also converted to HTML, for a look without Quarto."""
import ast, json, re, sys
from pathlib import Path

from nbdev.config import get_config

cfg = get_config()
proc = Path(sys.argv[1])
pages = {p.relative_to(proc): json.loads(p.read_text(encoding='utf8')) for p in sorted(proc.rglob('*.ipynb')) if 'tests' not in p.parts}

def text(c): return ''.join(c['source'])
def url(page):
    "The name of a page on the site: numbers in front are left out."
    return re.sub(r'(^|/)\d+[a-z]?_', r'\1', page.with_suffix('.html').as_posix())
urls = {url(p) for p in pages}

def broken_links(page, nb):
    "Targets of links and pictures that do not exist."
    for c in nb['cells']:
        if c['cell_type']!='markdown': continue
        for to in re.findall(r'!?\[[^\]]*\]\(([^)\s]+)\)', re.sub(r'```.*?```', '', text(c), flags=re.S)):
            to = to.partition('#')[0]
            if to.startswith(cfg.doc_url):
                name = to[len(cfg.doc_url):].strip('/')
                if name and name not in urls: yield to
            elif to and not re.match(r'[a-z]+:|data:', to) and not (proc/page.parent/to).exists(): yield to

def undocumented():
    "Public names without an entry."
    entries = '\n'.join(json.dumps(o) for nb in pages.values() for c in nb['cells'] for o in c.get('outputs', []))
    for path in sorted(cfg.lib_path.glob('*.py')):
        if path.stem in ('all','_modidx','__init__'): continue
        tree = ast.parse(path.read_text(encoding='utf8'))
        public = next((ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id=='__all__'), [])
        for n in tree.body:
            if not isinstance(n, (ast.FunctionDef,ast.ClassDef)) or n.name not in public: continue
            if any('dispatch' in ast.unparse(d) for d in n.decorator_list): continue # of fastai's own functions for our types
            if not re.search(rf'\b{n.name}\b', entries): yield f'{path.stem}.{n.name}'

def as_html(folder):
    "All pages as HTML."
    from nbconvert import HTMLExporter
    import nbformat
    exporter = HTMLExporter(embed_images=False)
    for page,nb in pages.items():
        for c in nb['cells']:
            for k in {*c}-{'cell_type','id','metadata','source','outputs','execution_count','attachments'}: del c[k] # of nbdev's own
            c['metadata'] = {}
        out = folder/url(page)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(exporter.from_notebook_node(nbformat.reads(json.dumps(nb), 4))[0], encoding='utf8')

sidebar = (cfg.nbs_path/'sidebar.yml').read_text(encoding='utf8')
listed = set(re.findall(r'[\w/]+\.ipynb', sidebar))
faults = [f'{p} is not in sidebar.yml' for p in pages if p.as_posix() not in listed]
faults += [f'sidebar.yml names {p}, which is not there' for p in sorted(listed) if Path(p) not in pages]
faults += [f'{page}: {to} leads nowhere' for page,nb in pages.items() for to in broken_links(page, nb)]
faults += [f'{name} has no entry' for name in undocumented()]
if '--html' in sys.argv: as_html(Path(sys.argv[sys.argv.index('--html')+1]))
for f in faults: print(f)
print(f'{len(pages)} pages of documentation, {len(faults)} faults')
sys.exit(bool(faults))
