"""Which patch size, overlap, weights, margin and test-time augmentation cost least for the same map, on real imagery.

A U-Net is trained for some minutes on the west half of Banepa (OpenAerialMap, CC-BY 4.0; footprints OpenStreetMap, ODbL), then a part of the east half is
predicted in many ways. For each: how many patches see a pixel, IoU of the buildings at the threshold that is best for it, IoU within 32 px of
the border of the raster, CPU seconds per megapixel, and the seam ratio. Rows with equal views of a pixel compare test-time augmentation and overlap. On a raster
that is not much larger than a patch, more patches are looked at than on a large one: the last column is what a pixel of a large one would cost.

    python bench/patches.py DATA_FOLDER [--steps 150 --arch resnet18 --model FOLDER]

With --model the network is kept in that folder, and taken from there the next time.
"""
import argparse, time, warnings; warnings.filterwarnings('ignore')
from pathlib import Path
ap = argparse.ArgumentParser(); ap.add_argument('folder', type=Path); ap.add_argument('--steps', type=int, default=150); ap.add_argument('--arch', default='resnet18'); ap.add_argument('--model', type=Path)
import numpy as np, torch
from aerialfast import *; A = ap.parse_args() # fastai has an A too
from aerialfast.stitching import stream_probs, seam_ratio
from aerialfast.unets import has_bf16
rgb,mask = (A.folder/'oam_banepa_buildings'/'mosaic_derived'/f'banepa_z19_b1_{k}.tif' for k in ('rgb','mask'))
(west,east),(west_mask,east_mask) = Tile(rgb).cut(1, 2),[MaskTile(mask, MaskValues(['ground','building'], [0,1])).crop(t.y0, t.x0, t.h, t.w, t.part) for t in Tile(rgb).cut(1, 2)]

def model():
    if A.model and A.model.exists(): return load_model(A.model)
    set_seed(0)
    dls = TileDataLoaders.from_tiles([west, east], [west_mask, east_mask], valid=FuncSplitter(lambda o: o[0] is east), bs=4, n=4*A.steps)
    learn = aerial_learner(dls, A.arch, pretrained=False)
    with learn.no_bar(): learn.fit_one_cycle(1, 2e-3)
    if A.model: learn.save_model(A.model)
    return learn.aerial_model()

f = model(); east,truth = east.crop(0, 0, 2048, east.w),east_mask.read(0, 0, 2048, east.w); tile = f.open_tile(east)
rim = np.ones(east.shape, bool); rim[32:-32, 32:-32] = False

def row(name, tta=None, sz=512, overlap=.25, weights='hann', margin=0):
    grid = Grid(tile.shape, sz, overlap, weights, margin=margin)
    curves,t,parts = ThresholdCurves(2),time.process_time(),[]
    g = tta(f) if tta else f
    for r in stream_probs(g, tile, grid): parts.append(r.probs[1:])
    s = time.process_time()-t
    p = np.concatenate(parts, 1)
    both = np.concatenate([1-p, p])
    curves.update(both, truth); cut = curves.best()
    edge = ThresholdCurves(2).update(both, np.where(rim, truth, 255)).at(cut.thresh)
    looks = len(grid)*sz**2/truth.size*(len(tta.dihedral)*len(tta.sizes) if tta else 1)
    seams = f'{seam_ratio(p, grid):.2f}' if len(grid)>1 else '-'
    large = s/(len(grid)*sz**2)/(1-overlap)**2
    print(f'| {name} | {sz} | {overlap:g} | {weights} | {margin} | {looks:.1f} | {cut.iou:.4f} | {edge.iou:.4f} | {s/truth.size*1e6:.2f} | {seams} | {large*1e6:.2f} |', flush=True)

print(f"{east}; {A.arch}; bf16 {has_bf16('cpu')}\n\n| | sz | overlap | weights | margin | views of a pixel | IoU | IoU at the rim | CPU s per Mpx | seams | CPU s per Mpx of a large raster |\n|---|---|---|---|---|---|---|---|---|---|---|")
for sz,os in ((256, (0,.125,.25,.5)), (512, (0,.0625,.125,.25,.5)), (1024, (.0625,.125,.25,.5))):
    for o in os: row('size', sz=sz, overlap=o)
for w in ('flat','crop','gauss','context'): row('weights', weights=w); row('weights', weights=w, overlap=.5)
for m in (32, 128): row('margin', margin=m)
for t in ([0,4], [0,1,2,3], range(8)): row(f'TTA {list(t)}', tta=TTA(t), sz=1024, overlap=.125)
row('sizes .75, 1, 1.25', tta=TTA([0], (.75,1,1.25)), sz=1024, overlap=.125)
