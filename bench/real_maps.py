"""Maps of real imagery, end to end: train, pick the threshold, map, score.

    python bench/real_maps.py banepa FOLDER_WITH_MOSAIC  [--epochs 20 --arch resnet18 --out maps]
    python bench/real_maps.py dubai  FOLDER_WITH_TILES

banepa: the mosaic banepa_z19_b1_{rgb,mask}.tif (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL). The west half trains, its middle
third picks the threshold, the whole mosaic is mapped and its east half scored.
dubai: `Tile N/{images,masks}` (Humans in the Loop with MBRSC, CC0). Tiles 1 to 5 train but for one image of each, Tile 7 is mapped and scored.
"""
import argparse, resource, tempfile, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument('what', choices=['banepa','dubai']); ap.add_argument('folder', type=Path); ap.add_argument('--epochs', type=int, default=20); ap.add_argument('--arch', default='resnet18')
ap.add_argument('--sz', type=int, default=256); ap.add_argument('--bs', type=int, default=8); ap.add_argument('--lr', type=float, default=2e-3); ap.add_argument('--n', type=int, default=None); ap.add_argument('--patch', type=int, default=1024)
ap.add_argument('--out', type=Path, default=Path('maps')); ap.add_argument('--seed', type=int, default=0)
args = ap.parse_args()
from aerialfast import *
plt.switch_backend('Agg')
DUBAI = Palette(dict(land='#8429F6', water='#E2A929', building='#3C1098', road='#6EC1E4', vegetation='#FEDD3A'), void=['#9B9B9B', '#000000'])

def cut_out(src, dst, y, x, h, w):
    "A part of a raster as a file of its own."
    t = Tile(src); dst.parent.mkdir(parents=True, exist_ok=True)
    like = SimpleNamespace(h=h, w=w, crs=t.crs, transform=t.transform*t.transform.translation(x, y))
    with RasterWriter(dst, like, t.n_bands, t.dtype, block=256) as o: o.write(t.raw(y, x, h, w))

def banepa(tmp):
    rgb,mask = (args.folder/f'banepa_z19_b1_{k}.tif' for k in ('rgb','mask'))
    H,W = Tile(rgb).shape; h,w = H//3,W//2
    for k in range(3):
        for d,f in (('images',rgb), ('masks',mask)): cut_out(f, tmp/d/f'west_{k+1}.tif', k*h, 0, h, w)
    dls = TileDataLoaders.from_folder(tmp, ['background','building'], valid='west_2', sz=args.sz, bs=args.bs, n=args.n)
    def score(learn):
        dst,coding = args.out/'banepa_map.tif',find_values([mask], ['background','building'])
        learn.predict_tile(rgb, dst, sz=args.patch)
        truth,m,conf = MaskTile(mask, coding),Tile(dst),Confusion(coding.codes)
        conf.update(m.raw(0, w, H, W-w)[0], truth.read(0, w, H, W-w))
        show_map(rgb, dst, truth, window=(0,w,H,W-w))[0].figure.savefig(args.out/'banepa_east.png', dpi=130)
        show_map(rgb, dst, truth, window=(H//2,min(w+w//2,W-900),900,900))[0].figure.savefig(args.out/'banepa_detail.png', dpi=130)
        return conf
    return dls,score

def dubai(tmp):
    def mask_of(p): return p.parent.parent/'masks'/f'{p.stem}.png'
    def images(tiles): return [p for t in tiles for p in tile_files(args.folder/f'Tile {t}'/'images')]
    block = DataBlock(blocks=(TileBlock(), MaskTileBlock(DUBAI.codes, DUBAI)), get_items=lambda _: images((1,2,3,4,5)), get_y=mask_of,
        splitter=FuncSplitter(lambda p: p.stem.endswith('8')), batch_tfms=tile_augment())
    dls = block.dataloaders(None, sz=args.sz, bs=args.bs, n=args.n)
    def score(learn):
        conf = Confusion(DUBAI.codes)
        for p in images((7,)):
            dst,truth = args.out/f'dubai_7_{p.stem}.tif',MaskTile(mask_of(p), DUBAI)
            learn.predict_tile(p, dst, sz=args.patch)
            conf.update(Tile(dst).raw(0, 0, *truth.shape)[0], truth.read(0, 0, *truth.shape))
            show_map(p, dst, truth, DUBAI, c=2)[0].figure.savefig(dst.with_suffix('.png'), dpi=90); plt.close('all')
        return conf
    return dls,score

def main():
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        set_seed(args.seed, True)
        dls,score = globals()[args.what](Path(tmp))
        learn = aerial_learner(dls, args.arch, pretrained=False)
        t = time.perf_counter()
        with learn.no_bar(): learn.fit_one_cycle(args.epochs, args.lr)
        t1 = time.perf_counter()
        cut = learn.pick_threshold()
        conf = score(learn)
        t2 = time.perf_counter()
        learn.save_model(args.out/f'{args.what}_model')
    print(f'{args.what}: {args.arch}, {args.epochs} epochs of {dls.train.n} patches, training {(t1-t)/60:.1f} min, threshold and maps {(t2-t1)/60:.1f} min, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024:.0f} MB')
    print('threshold', cut); print(conf)

if __name__ == '__main__': main()
