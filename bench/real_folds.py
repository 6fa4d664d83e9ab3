"""Cross-validation on real imagery: every place mapped by a network that never saw it, with the threshold picked on the others.

    cities  the west and the east half of Banepa (Nepal), and Kampala (Uganda) at the same size of a pixel, from all of its zoom 20
            (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL)
    dubai   six tiles in three pairs, five classes (Humans in the Loop with MBRSC, CC0)

A fold holds some of what is left out of training, for the epochs to be scored on. The cities are two large tiles then, and a whole one would be
half of them: so they are cut, and a compact sixth of the parts is held out. Buildings on a cut count as two, in map and mask.

Networks start from random weights. Folds that are done are kept in --out, so the run can be stopped; each writes a report.

    python bench/real_folds.py DATA_FOLDER [--what cities,dubai --arch resnet18 --steps 100 --cut 3,2 --out folds]
"""
import argparse, os, tempfile
from pathlib import Path
ap = argparse.ArgumentParser()
ap.add_argument('folder', type=Path); ap.add_argument('--what', default='cities,dubai'); ap.add_argument('--arch', default='resnet18'); ap.add_argument('--steps', type=int, default=100)
ap.add_argument('--cut', default='3,2', help='rows and columns into which each city is cut')
ap.add_argument('--lr', type=float, default=4e-3); ap.add_argument('--out', type=Path, default=Path('folds'))
args = ap.parse_args()
args.cut = tuple(map(int, args.cut.split(',')))
from aerialfast import *
plt.switch_backend('Agg')

def part(src, dst, y, x, h, w):
    "A part of a raster as a file of its own."
    t = Tile(src); dst.parent.mkdir(parents=True, exist_ok=True)
    with RasterWriter(dst, t.crop(y, x, h, w), t.n_bands, t.dtype, block=256) as o: o.write(t.raw(y, x, h, w))

def cities(tmp):
    if not tmp.exists():
        for d,k in (('images','rgb'), ('masks','mask')):
            src = args.folder/'oam_banepa_buildings'/'mosaic_derived'/f'banepa_z19_b1_{k}.tif'
            H,W = Tile(src).shape
            for n in (1,2): part(src, tmp/d/f'banepa_{n}.tif', 0, (n-1)*W//2, H, W//2)
        kampala = args.folder/'oam_kampala_buildings'
        for d,k in (('images','chips'), ('masks','masks')): write_mosaic(sorted((kampala/k).glob('OAM-*-20.*')), tmp/d/'kampala_1.tif')
    codes = ['ground','building']
    coding = MaskValues(codes, [0,[1,255]])
    def data(valid): return TileDataLoaders.from_folder(tmp, codes, valid=valid, coding=coding, sz=256, bs=4, n=args.steps, sampler='labelled', cut=args.cut)
    return data,['banepa_1','banepa_2','kampala'],FoldSplitter(6, 5)

def dubai(tmp):
    pal = Palette(dict(land='#8429F6', water='#E2A929', building='#3C1098', road='#6EC1E4', vegetation='#FEDD3A'), void=['#9B9B9B','#000000'])
    for d,end in (('images','jpg'), ('masks','png')):
        (tmp/d).mkdir(parents=True, exist_ok=True)
        for p in sorted((args.folder/'dubai_landuse').glob(f'Tile */{d}/*.{end}')):
            to = tmp/d/f"tile{p.parent.parent.name.split()[-1]}_{p.stem.split('_')[-1]}.{end}"
            if not to.exists(): os.symlink(p.resolve(), to)
    def data(valid): return TileDataLoaders.from_folder(tmp, pal.codes, valid=valid, coding=pal, sz=256, bs=4, n=args.steps)
    return data,[['tile1','tile2'], ['tile3','tile4'], ['tile5','tile7']],None

def train(dls):
    set_seed(0)
    learn = aerial_learner(dls, args.arch, pretrained=False)
    with learn.no_bar(): learn.fit_one_cycle(4, args.lr)
    return learn

for what in args.what.split(','):
    data,folds,inner = globals()[what](args.out/f'{what}_data')
    start = time.perf_counter()
    cv = cross_validate(data, train, args.out/what, folds=folds, inner=inner, boundaries=3, objects=what=='cities')
    print(f'\n{what}, {time.perf_counter()-start:.0f} s\n'); print(cv.table.astype(float).round(3).to_string()); print(cv.evaluation.classes().round(3).to_string())
    if cv.curves.total.n_classes>2: print(cv.curves.total.per_class(codes=cv.evaluation.codes).round(3).to_string())
    else: print(cv.curves.by_region().held_out().round(3).to_string()); print(cv.curves.bootstrap().quantile([.05,.5,.95]).round(3).to_string()); print(f"calibration error {cv.curves.total.ece():.3f}, temperature {cv.curves.total.temperature():.2f}"); print(cv.evaluation.objects.table().round(2).to_string())
    held = [t for f in folds for t,_ in data(TileSplitter(f)).valid.tiles]
    images = dict(zip(tile_names(held), held))
    print(write_report(args.out/f'{what}.html', cv.evaluation, images, cv.curves, title=f'{what}, out of fold', settings=dict(arch=args.arch, steps=args.steps, lr=args.lr)))
